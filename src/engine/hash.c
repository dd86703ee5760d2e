/*
 * hash.c: xxHash, compiled out of its header into this library.
 *
 * The shared library of that name would be found, mapped and relocated in every new connection, and asks the CPU for its instruction
 * sets, which leaves a virtual machine each time: that was a tenth of a connection's first search. What wider instructions gain on
 * checksums is lost in reading the bytes.
 */
#define XXH_STATIC_LINKING_ONLY
#define XXH_IMPLEMENTATION
#include <xxhash.h>
