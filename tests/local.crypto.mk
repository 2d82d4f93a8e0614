# Noise, records, hello.
