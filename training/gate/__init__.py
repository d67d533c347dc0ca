"""The gate: whether a challenger may take the champion's place. On by default; what cannot be measured refuses."""
