"""Files that the program ships: the sample sequence, the default model, icons and colour maps."""
