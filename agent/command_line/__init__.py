"""Where arguments come from: the command line, files, the environment, presets."""
