/*
 * selection_rows.h: what selection.c asks of orders, tests and samples; selection.h has the rest of selection_rows.c.
 */
#ifndef VEC_SELECTION_ROWS_H
#define VEC_SELECTION_ROWS_H

#include "selection.h"

/* Looking a value up in an order costs about as much as testing so many neighbouring rows. */
#define VEC_SELECTION_ROWS_PER_LOOKUP 64

/* The first place in a key's order whose row is not NULL and whose key is not below. */
uint32_t vec_selection_find(const VecKeyColumns *columns, uint32_t key, uint64_t value);

/* The places in the order of the rows whose key is between the two. */
void vec_selection_find_range(const VecKeyColumns *columns, uint32_t key, uint64_t low, uint64_t high,
                              uint32_t *from, uint32_t *to);

/* As vec_selection_keep, of one test. */
uint32_t vec_selection_keep_by(const VecSelection *selection, const VecTest *test, uint32_t *rows,
                               uint32_t count);

/* Whether all rows are looked at, 64 at a time, as far as grades tell. */
bool vec_selection_looks_at_grades(const VecSelection *selection);

/* What part of some rows from all over the enumeration the tests besides the lead let through; more than 0. */
double vec_selection_sampled_part(const VecSelection *selection);

#endif
