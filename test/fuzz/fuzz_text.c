/*
 * fuzz_text.c: any bytes as the text of a vector: the readers come to an end inside it, store no more than they may, and what they
 * accept is in order. The first byte says which reader; the rest is the text.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors/half.h"
#include "vectors/int8.h"
#include "vectors/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static void
check_error(const char *text, const VecTextError *error)
{
    REQUIRE(error->problem != VEC_TEXT_OK);
    REQUIRE(error->position <= strlen(text) && error->position + error->length <= strlen(text));
    REQUIRE(error->problem != VEC_TEXT_SYNTAX || error->expected != NULL);
}

/* Half the room that is needed: what has none must be counted, and not stored. */
static void
check_f32(const char *text)
{
    size_t capacity = vec_text_count_elements(text) / 2, count;
    float *x = malloc(sizeof(float) * capacity + 1);
    VecTextError error;

    if (vec_text_parse_f32(text, x, capacity, &count, &error))
        REQUIRE(count <= vec_text_count_elements(text) && error.problem == VEC_TEXT_OK);
    else
        check_error(text, &error);
    free(x);
}

static void
check_bits(const char *text)
{
    size_t capacity = vec_text_count_elements(text), count;
    uint8_t *bits = calloc(1, (capacity + 7) / 8);
    VecTextError error;

    if (!vec_text_parse_bits(text, bits, capacity, &count, &error))
        check_error(text, &error);
    else if (capacity % 8 != 0)
        REQUIRE(count <= capacity && (bits[capacity / 8] & 0xFF >> capacity % 8) == 0);
    free(bits);
}

static void
check_sparse(const char *text, uint32_t dimensions_max)
{
    VecTextSparse sparse = {.capacity = vec_text_count_elements(text), .dimensions_max = dimensions_max};
    VecTextError error;

    if (sparse.capacity > dimensions_max)
        sparse.capacity = dimensions_max;
    sparse.index = malloc(sizeof(uint32_t) * sparse.capacity);
    sparse.x = malloc(sizeof(float) * sparse.capacity);
    if (vec_text_parse_sparse(text, &sparse, &error)) {
        REQUIRE(sparse.dimensions >= 1 && sparse.dimensions <= dimensions_max &&
                sparse.count <= sparse.dimensions);
        for (uint32_t i = 0; i < sparse.count; i++) {
            REQUIRE(sparse.x[i] != 0.0f && sparse.index[i] < sparse.dimensions);
            REQUIRE(i == 0 || sparse.index[i - 1] < sparse.index[i]);
        }
    } else {
        check_error(text, &error);
    }
    free(sparse.index);
    free(sparse.x);
}

/* What vecf16 and veci8 make of the numbers: halves that widen and narrow to themselves; bytes that print and read as themselves. */
static void
check_narrow(const char *text)
{
    size_t capacity = vec_text_count_elements(text), count;
    float *x = malloc(sizeof(float) * capacity), *scratch = malloc(2 * sizeof(float) * capacity);
    float *decoded = malloc(2 * sizeof(float) * capacity);
    uint16_t *half = malloc(2 * sizeof(uint16_t) * capacity);
    int8_t *bytes = malloc(2 * capacity);
    VecTextError error;
    bool is_finite = true;

    if (capacity > 65535 || !vec_text_parse_f32(text, x, capacity, &count, &error) || count == 0)
        goto done;
    vec_distance_narrow_f16(x, half, count);
    vec_distance_widen_f16(half, decoded, count);
    vec_distance_narrow_f16(decoded, half + capacity, count);
    for (size_t i = 0; i < count; i++) {
        is_finite = is_finite && isfinite(x[i]);
        REQUIRE(half[i] == half[capacity + i] || isnan(x[i]));
        REQUIRE(isnan(x[i]) || fabsf(x[i]) >= VEC_HALF_ROUNDS_TO_INFINITY ||
                fabsf(decoded[i] - x[i]) <= fabsf(x[i]) / 2048 + 0x1p-25f);
    }
    if (is_finite) {
        VecInt8 once = {.x = bytes}, again = {.x = bytes + capacity};

        vec_int8_quantize(x, (uint32_t)count, scratch, bytes, &once.alpha, &once.offset);
        REQUIRE(isfinite(once.alpha) && isfinite(once.offset) && once.alpha >= 0.0f);
        vec_int8_decode(once, (uint32_t)count, decoded);
        vec_int8_quantize(decoded, (uint32_t)count, scratch, bytes + capacity, &again.alpha, &again.offset);
        vec_int8_decode(again, (uint32_t)count, decoded + capacity);
        REQUIRE(memcmp(decoded, decoded + capacity, sizeof(float) * count) == 0);
    }

done:
    free(x);
    free(scratch);
    free(decoded);
    free(half);
    free(bytes);
}

/* The short cut and the C library must agree about every number. */
static void
check_number(const char *text)
{
    const char *cursor = text;
    char *end;
    float value, expected = strtof(text, &end);

    if (vec_text_read_f32(&cursor, &value) != VEC_TEXT_OK)
        return;
    REQUIRE(cursor == end);
    REQUIRE(memcmp(&value, &expected, sizeof(value)) == 0 || (isnan(value) && isnan(expected)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0)
        return 0;
    /* A block of exactly the text's size: a step beyond its NUL is seen. */
    text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 6) {
        case 0:
            check_f32(text);
            break;
        case 1:
            check_bits(text);
            break;
        case 2:
            check_sparse(text, 1048575);
            break;
        case 3:
            check_sparse(text, 3);
            break;
        case 4:
            check_narrow(text);
            break;
        default:
            check_number(text);
            break;
    }
    free(text);
    return 0;
}
