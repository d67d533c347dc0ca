"""How the names of the gate's comparing rules begin: the sentence and the trials tell rules apart by them."""

GAIN = "the lower bound of the gain"
WORSENING = "the lower bound of the worsening"
SLICE = f"{WORSENING} on slice "
