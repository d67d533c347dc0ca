"""The live error on the truth that has arrived, how sure it is, and what to expect of the rest."""
