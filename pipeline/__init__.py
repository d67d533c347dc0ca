"""The ground floor: what every room shares and nothing that only one room needs."""
