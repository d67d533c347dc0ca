"""The local stack: which services there are, and how they are started, watched and stopped."""
