"""Published sources in small: makers of files with exactly the published structure, and a server for them."""
