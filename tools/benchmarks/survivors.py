"""Mutations that nothing catches, each with the reason. Keys are those of mutations.Mutation."""

SURVIVORS: dict[str, str] = {
    "runtime/runtime.c: swapped: nvm_put(&model_progress.id[0], (int16_t)(uint16_t)(id & 0xFFFFU)); "
    "nvm_put(&model_progress.id[1], (int16_t)(uint16_t)(id >> 16));": (
        "equivalent: puts that nothing exposes may reach memory in any order (nvm.h)"
    ),
    "runtime/runtime.c: flipped: < -> <= in return count < (uint16_t)(items - first) ? (uint16_t)(first + count) : "
    "items;": ("equivalent: where both are equal, first + count is items"),
    'port/dump.c: deleted: fail(FAIL_INPUT, "this model was generated without layer views");': (
        "needs a model without views; tests/power/test_port.py has one and catches it"
    ),
    "port/dump.c: moved: 1U -> 2U in const uint16_t end = layer + 1U < model_layer_count ? "
    "model_layers[layer + 1U].first_unit : model_units;": (
        "the last layer but one is dumped late; tests/power/test_port.py compares every layer's values and catches it"
    ),
    "port/fram.c: flipped: < -> <= in if (at - (uintptr_t)__start_diag < fram_diag_bytes()) {": (
        "differs only for a fault at the first byte behind the section, where another section begins"
    ),
    "port/fram.c: flipped: < -> <= in if (at - (uintptr_t)__start_nvm < fram_persistent_bytes()) {": (
        "differs only for a fault at the first byte behind the section, where another section begins"
    ),
    "port/hook.c: flipped: < -> <= in while (now_ns() < end) {": "equivalent: one more turn of a loop that only waits",
    'port/host_main.c: deleted: fail(FAIL_MISMATCH, "the runtime refuses input %lu while it is idle", '
    "(unsigned long)wanted);": "reports a broken runtime: no sound one ever gets there",
    'port/world.c: deleted: fail(FAIL_TOOL, "no memory for one input and two answers");': (
        "needs an allocation of a few bytes that fails"
    ),
    "port/world.c: flipped: < -> <= in for (i = 0U; i < model_output_count; i++) {": (
        "in gather: it copies past the record, which the allocator's padding hides from everything but a sanitizer"
    ),
}
