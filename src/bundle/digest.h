/* Where a bundle's file carries keyed digests: subfields 'D' 'S' of the extra
 * field of its gzip header (doc/BUNDLE.md, "The gzip file").  Only their places
 * are known here; what a digest is, src/keys knows.
 *
 * A digest is over all bytes of the file with the bytes of all digests zeroed,
 * so that none of them depends on another. */
#ifndef BUNDLE_DIGEST_H
#define BUNDLE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_DIGEST      16 /* bytes of one */
#define BUNDLE_DIGESTS_MAX 8  /* places in one file */

/* A longer extra field is not ours, and counts as none. */
#define BUNDLE_EXTRA_MAX   1024

/* So many bytes of a file's beginning, or all of it, tell where they are. */
#define BUNDLE_DIGEST_LOOK (12 + BUNDLE_EXTRA_MAX)

/* The places of digests in a file that begins with the n bytes at p: their
 * number, and in at[] the offset of each, ascending.  0: there are none, or it
 * is no gzip file, or ends too early. */
size_t bundle_digest_places(const void *p, size_t n,
    size_t at[BUNDLE_DIGESTS_MAX]);

/* Does the gzip file end too early?  Reads fd from its start with no trust in
 * what it says, and leaves its offset at the start.  False when it is whole,
 * or wrong otherwise. */
bool bundle_is_cut(int fd);

#endif
