"""How reports look."""

STYLE = """
:root { color-scheme: light; --line: #dfe3e8; --faint: #5b6672; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #f6f7f9; margin: 0; }
main { max-width: 1280px; margin: 0 auto; padding: 24px; }
h1 { font-size: 24px; margin: 0 0 2px; } h2 { font-size: 18px; margin: 32px 0 8px; }
p.faint, td.faint { color: var(--faint); } p.faint { margin: 0 0 16px; }
.verdict { background: #fff; border: 1px solid var(--line); border-left: 8px solid var(--tone);
  border-radius: 6px; padding: 12px 20px; }
.verdict strong { color: var(--tone); font-size: 22px; } .verdict ul { margin: 8px 0; padding-left: 20px; }
.healthy, .published, .passed, .live { --tone: #1a7f45; }
.watch, .accepted, .not-released, .not-verified { --tone: #a86200; } .act, .refused { --tone: #c02b2b; }
.not-enough-data, .no-model, .not-judged, .not-approved, .note { --tone: #4a5a6c; }
.chip { display: inline-block; font-size: 12px; font-weight: 600; line-height: 18px; color: var(--tone, #4a5a6c);
  border: 1px solid currentColor; border-radius: 10px; padding: 0 9px; white-space: nowrap; vertical-align: 2px; }
.gauge { position: relative; display: inline-block; width: 120px; height: 9px; vertical-align: middle;
  background: #edf0f3; border-radius: 2px; }
.gauge i { position: absolute; left: 0; top: 0; bottom: 0; background: #8fa9c4; border-radius: 2px; }
td .whole { white-space: nowrap; }
.gauge.over i { background: #c02b2b; }
.gauge::after { content: ""; position: absolute; left: 50%; top: -3px; bottom: -3px; width: 1px; background: #1c2430; }
section { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: #fff; border: 1px solid var(--line); }
th, td { text-align: left; padding: 5px 12px; border-bottom: 1px solid var(--line); }
th { font-size: 13px; color: var(--faint); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; } td.number small { white-space: normal; }
tr.bad td:first-child { box-shadow: inset 4px 0 #c02b2b; } tr.bad .state { color: #c02b2b; font-weight: 600; }
.bar { display: inline-block; height: 9px; background: #9fb3c8; vertical-align: middle; }
tr.bad .bar { background: #c02b2b; }
td { vertical-align: top; overflow-wrap: break-word; } td:last-child:not(.number) { overflow-wrap: anywhere; }
td small { display: block; color: var(--faint); font-size: 12.5px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; }
.tile { flex: 1 1 160px; box-sizing: border-box;
  background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: 10px 16px; }
.tile span, .tile em { display: block; color: var(--faint); font: 13px/1.5 system-ui, sans-serif; }
.tile strong { font-size: 24px; font-variant-numeric: tabular-nums; }
code { font: 13px/1.5 ui-monospace, monospace; background: #edf0f3; border-radius: 3px; padding: 1px 5px;
  overflow-wrap: anywhere; }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--faint); padding: 4px 0; }
iframe { width: 100%; height: 900px; border: 1px solid var(--line); background: #fff; resize: vertical; }
table + table { margin-top: 14px; } .state { white-space: nowrap; }
main > p:not(.faint) { font-size: 17px; }
main > p, section > p { max-width: 90ch; } p { margin: 8px 0; } h3 { font-size: 15.5px; margin: 20px 0 6px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; font-size: 14px; }
a { color: #1f5fa8; text-decoration: none; } a:hover { text-decoration: underline; }
.figures { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 16px; margin: 14px 0; }
figure { flex: 1 1 420px; max-width: 760px; margin: 0; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; padding: 12px; box-sizing: border-box; }
figure img { display: block; width: 100%; height: auto; } figcaption { color: var(--faint); font-size: 13px; }
.balance { position: relative; display: inline-block; width: 160px; height: 11px; vertical-align: middle;
  background: linear-gradient(#b9c2cc, #b9c2cc) center / 1px 100% no-repeat; }
.balance i { position: absolute; top: 1px; bottom: 1px; } .up { background: #5b8fc7; } .down { background: #d98545; }
pre { background: #edf0f3; border-radius: 6px; padding: 10px 14px; overflow-x: auto; margin: 8px 0; }
pre code { padding: 0; background: none; }
nav + .verdict { margin-top: 14px; }
@media (max-width: 700px) {
  main { padding: 12px; } th, td { padding: 5px 8px; } td.number { white-space: nowrap; }
  td:first-child { min-width: 110px; } figure { flex-basis: 100%; padding: 6px; overflow-x: auto; }
  figure img { min-width: 560px; } table:has(td:nth-child(4)) { min-width: 680px; }
}
@media print {
  body { background: #fff; font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; } nav { display: none; } section { overflow: visible; }
  h2, h3 { break-after: avoid; } tr, figure, .tile, .verdict { break-inside: avoid; }
  th, td { padding: 3px 8px; } th, td small, figcaption, .tile em { font-size: 10.5px; } figure { flex-basis: 40%; }
}
"""
