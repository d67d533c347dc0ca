"""What a cluster needs of us before Flux can begin."""
