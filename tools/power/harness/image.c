#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

static void *array(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        fail(FAIL_TOOL, "no memory for the image of FRAM");
    }
    return memory;
}

/* Interns node i of a level from the level below; children past the end are 0. */
static void refresh(image_t *image, uint32_t level, uint32_t i)
{
    node_t node;

    if (level == 0U) {
        memcpy(node.words, image->words + (size_t)i * NODE_WORDS, sizeof node.words);
    } else {
        const uint32_t first = i * NODE_CHILDREN;
        const uint32_t left = image->width[level - 1U] - first;

        memset(&node, 0, sizeof node);
        memcpy(node.children, image->number[level - 1U] + first,
               (left < NODE_CHILDREN ? left : NODE_CHILDREN) * sizeof *node.children);
    }
    image->number[level][i] = pool_intern(&image->pool, &node);
}

void image_init(image_t *image, uint16_t *words, size_t count)
{
    uint32_t width = (uint32_t)(count / NODE_WORDS);
    uint32_t level;
    uint32_t i;

    memset(image, 0, sizeof *image);
    pool_init(&image->pool);
    image->words = words;
    image->touched = array(width, sizeof *image->touched);
    image->is_touched = array(width, 1U);
    for (level = 0U;; level++) {
        image->width[level] = width;
        image->number[level] = array(width, sizeof **image->number);
        for (i = 0U; i < width; i++) {
            refresh(image, level, i);
        }
        if (width == 1U) {
            break;
        }
        width = (width + NODE_CHILDREN - 1U) / NODE_CHILDREN;
    }
    image->levels = level + 1U;
}

void image_touch(image_t *image, size_t word)
{
    const uint32_t leaf = (uint32_t)(word / NODE_WORDS);

    if (!image->is_touched[leaf]) {
        image->is_touched[leaf] = 1U;
        image->touched[image->touches++] = leaf;
    }
}

uint32_t image_save(image_t *image)
{
    uint32_t level;
    uint32_t i;

    for (i = 0U; i < image->touches; i++) {
        image->is_touched[image->touched[i]] = 0U;
    }
    for (level = 0U; level < image->levels; level++) {
        uint32_t kept = 0U;

        for (i = 0U; i < image->touches; i++) {
            const uint32_t at = image->touched[i];

            refresh(image, level, at);
            /* Neighbours share a parent; a parent met twice in a row is refreshed once. */
            if (kept == 0U || image->touched[kept - 1U] != at / NODE_CHILDREN) {
                image->touched[kept++] = at / NODE_CHILDREN;
            }
        }
        image->touches = kept;
    }
    image->touches = 0U;
    return image->number[image->levels - 1U][0];
}

static void load(image_t *image, uint32_t level, uint32_t i, uint32_t number)
{
    uint32_t child;

    if (image->number[level][i] == number) {
        return;
    }
    image->number[level][i] = number;
    if (level == 0U) {
        memcpy(image->words + (size_t)i * NODE_WORDS, image->pool.nodes[number].words, sizeof(node_t));
        return;
    }
    for (child = i * NODE_CHILDREN; child < (i + 1U) * NODE_CHILDREN && child < image->width[level - 1U]; child++) {
        load(image, level - 1U, child, image->pool.nodes[number].children[child - i * NODE_CHILDREN]);
    }
}

void image_load(image_t *image, uint32_t snapshot)
{
    image_save(image); /* so that the numbers describe what the memory holds now */
    load(image, image->levels - 1U, 0U, snapshot);
}
