# The link and its frames.
