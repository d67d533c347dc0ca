"""The model card: what is known of a model version, for people who did not make it; as a page and as Markdown."""

from training.card.write import Card, card

__all__ = ["Card", "card"]
