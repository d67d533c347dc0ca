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
.healthy, .published { --tone: #1a7f45; } .watch, .accepted { --tone: #a86200; } .act, .refused { --tone: #c02b2b; }
.not-enough-data, .no-model { --tone: #4a5a6c; }
section { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: #fff; border: 1px solid var(--line); }
th, td { text-align: left; padding: 5px 12px; border-bottom: 1px solid var(--line); }
th { font-size: 13px; color: var(--faint); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.bad td:first-child { box-shadow: inset 4px 0 #c02b2b; } tr.bad .state { color: #c02b2b; font-weight: 600; }
.bar { display: inline-block; height: 9px; background: #9fb3c8; vertical-align: middle; }
tr.bad .bar { background: #c02b2b; }
td { vertical-align: top; overflow-wrap: break-word; } td:last-child { overflow-wrap: anywhere; }
td small { display: block; color: var(--faint); font-size: 12.5px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; }
.tile { flex: 1 1 160px; background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: 10px 16px; }
.tile span, .tile em { display: block; color: var(--faint); font: 13px/1.5 system-ui, sans-serif; }
.tile strong { font-size: 24px; font-variant-numeric: tabular-nums; }
code { font: 13px/1.5 ui-monospace, monospace; background: #edf0f3; border-radius: 3px; padding: 1px 5px;
  overflow-wrap: anywhere; }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--faint); padding: 4px 0; }
iframe { width: 100%; height: 900px; border: 1px solid var(--line); background: #fff; resize: vertical; }
"""
