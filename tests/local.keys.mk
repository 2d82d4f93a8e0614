# Keys, and bundles that carry a digest.
