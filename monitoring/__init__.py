"""Monitoring: gather what happened, compare it with the training data, reach a verdict, report it.

gather   inputs/                   the prediction log, the data of the served version and what came since, the service
analyse  drift/, performance/      numbers with what chance alone would bring: `findings`, of which `measured` is a part
verdict  rules/                    one word, and its `reasons`
decide   retraining/               conditions and guards, and what is remembered of earlier runs
report   page/, evidently/         the page; Evidently's own pages and history; the rows behind findings
tell     alerts/                   conditions, who was told, links to forms
"""
