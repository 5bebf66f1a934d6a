"""The shared parts of the programs in bench/."""
