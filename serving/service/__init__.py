"""The running prediction service. It imports no training or orchestration library."""
