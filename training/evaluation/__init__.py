"""What is known of a model before anybody relies on it: measured once, on rows that no choice has seen."""
