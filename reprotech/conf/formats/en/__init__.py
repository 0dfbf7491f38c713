"""English, as our pages write it."""
