"""What the verdict rests on: the rules of each view, from findings to reasons."""
