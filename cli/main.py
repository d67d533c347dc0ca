"""placeholder until written"""


def main() -> None: ...
