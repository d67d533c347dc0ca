"""The replay: the contract's history lived through period by period, beside two courses that need no monitoring."""
