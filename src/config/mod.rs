//! L7: from a TOML file and the environment to checked settings, every mistake at once.
