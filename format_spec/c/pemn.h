/* pemn.h - reads `.pemn` archives: SPEC.md, one folder up, is what it implements.
 *
 * An archive may come from a stranger. Nothing in it is run, used as a path or believed before it
 * was checked, and nothing is allocated for a size that is beyond the file's or the caller's limits.
 *
 * Restored elements are little-endian bytes in C order, on every machine.
 * A pemn_file fills caches when it is used: one thread at a time. Different files share nothing.
 */
#ifndef PEMN_H
#define PEMN_H

#include <stddef.h>
#include <stdint.h>

/* The newest version of the format that this reader accepts, with those of the same PEMN_MAJOR. */
#ifndef PEMN_MAJOR
#define PEMN_MAJOR 1
#endif
#ifndef PEMN_MINOR
#define PEMN_MINOR 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define PEMN_ERROR_SIZE 256 /* bytes of a message, its final NUL included */
#define PEMN_MAX_RANK 8
#define PEMN_NONE ((size_t)-1) /* no such tensor; no alias */

/* What every function but the plain accessors returns. */
enum {
    PEMN_OK = 0,
    PEMN_BROKEN = 1, /* the archive breaks a rule, or is beyond the limits */
    PEMN_SYSTEM = 2, /* no memory, a file that cannot be read, or odd floating-point arithmetic */
    PEMN_CALLER = 3  /* an index, a pointer or a buffer that does not fit */
};

typedef struct pemn_file pemn_file;

/* What a reader is willing to restore. A few hundred bytes can declare a model of any size. */
typedef struct pemn_limits {
    uint64_t max_weights;        /* elements of all tensors together; values of the prototype */
    uint64_t max_bytes;          /* restored, of all tensors; of the prototype, 4 for each value */
    uint64_t max_manifest_bytes; /* of the manifest once it is decompressed */
    uint64_t max_file_bytes;     /* of a file that pemn_open() reads */
} pemn_limits;

typedef struct pemn_tensor {
    const char *name;  /* lives as long as the file is open, as all strings here do */
    const char *dtype; /* "bool", "u8", ... "f64" */
    const char *kind;  /* "prototype", "prototype-sign", "stored", "constant", "alias" */
    const char *codec; /* "bitmap", "csr" or "rice"; NULL without positions */
    const char *plane; /* "sign", "generation" or "source"; NULL without a plane */
    uint64_t shape[PEMN_MAX_RANK]; /* the first `rank` are set, the others 0 */
    uint64_t elements;
    uint64_t bytes;      /* of the restored tensor: what pemn_restore() writes */
    uint64_t ones;       /* selected elements: all of them without positions */
    uint64_t departures; /* elements that the plane changes: at least 1, 0 without one */
    size_t alias_of;     /* index of the tensor that this one is, or PEMN_NONE */
    unsigned rank;
} pemn_tensor;

/* 2^30 elements, 2^32 restored bytes, 2^22 bytes of manifest, 2^32 bytes of file. */
pemn_limits pemn_default_limits(void);

/* Check header, manifest and layout. `limits` may be NULL for the defaults; `error` may be NULL,
 * here and everywhere. On failure *file is NULL and `error` one line of ASCII.
 * The bytes given to pemn_open_memory() are not copied: they must stay, unchanged, until
 * pemn_close(). pemn_open() takes regular files and nothing else, and never waits; it keeps the
 * sections it knows in memory. */
int pemn_open_memory(const void *data, size_t size, const pemn_limits *limits, pemn_file **file,
                     char error[PEMN_ERROR_SIZE]);
int pemn_open(const char *path, const pemn_limits *limits, pemn_file **file,
              char error[PEMN_ERROR_SIZE]);
void pemn_close(pemn_file *file); /* NULL is fine */

size_t pemn_tensor_count(const pemn_file *file);
int pemn_tensor_info(const pemn_file *file, size_t index, pemn_tensor *info);
size_t pemn_find(const pemn_file *file, const char *name); /* PEMN_NONE if there is none */
void pemn_restored_sha256(const pemn_file *file, uint8_t digest[32]); /* as the manifest says */
unsigned pemn_minor(const pemn_file *file); /* version of the file: PEMN_MAJOR, and this */

/* Restore one tensor into `buffer`, of at least the tensor's bytes. Where the tensor has a digest of
 * its own that one is checked, else those of the sections it needs, which are hashed once for a
 * file; a stored prototype's always is. On failure the buffer is zeros.
 * Only pemn_verify() can compare the digest of all tensors together. */
int pemn_restore(pemn_file *file, size_t index, void *buffer, size_t size,
                 char error[PEMN_ERROR_SIZE]);

/* The tensor digest: over dtype, shape and restored elements. */
int pemn_tensor_sha256(pemn_file *file, size_t index, uint8_t digest[32],
                       char error[PEMN_ERROR_SIZE]);

/* Check all that the archive promises: every section's digest, unknown ones' too, gaps and padding,
 * the source's frame and text, every tensor, and the restored digest. Takes memory for the two
 * largest tensors at most. */
int pemn_verify(pemn_file *file, char error[PEMN_ERROR_SIZE]);

/* The same, and hand out all tensors: buffers[i] has room for the bytes of tensor i, or is NULL
 * where that one is not wanted. On failure all buffers are zeros. */
int pemn_restore_all(pemn_file *file, void *const *buffers, char error[PEMN_ERROR_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
