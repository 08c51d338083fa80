/* mutate.h - changes an archive somewhere, or takes it apart, changes a part and puts it together. */
#ifndef PEMN_FUZZ_MUTATE_H
#define PEMN_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

#define MOST_BYTES (1 << 16) /* of an input, and of its parts */

/* As libFuzzer has it: change `size` bytes in place, to `most` at most; return how many there are. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

#ifndef PEMN_FUZZ_ALONE
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
#endif

#endif
