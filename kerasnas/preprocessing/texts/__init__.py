"""From raw texts to the terms and tokens that networks see, in graphs of built-in layers."""
