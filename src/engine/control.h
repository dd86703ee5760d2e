/*
 * control.h: what the rest of the engine does with a control file beyond its public contract.
 */
#ifndef VEC_CONTROL_H
#define VEC_CONTROL_H

#include "vectors/manifest.h"

void vec_control_set_generation(VecControl *control, uint64_t generation);

#endif
