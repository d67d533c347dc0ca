"""What a run of monitoring looks at: the prediction log, data versions, and what the service says of itself."""
