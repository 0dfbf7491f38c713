"""How settings are read, checked and explained."""
