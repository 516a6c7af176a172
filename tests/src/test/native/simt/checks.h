// The groups of checks that the runner's commands name.
#pragma once

#include <string>

#include "cases.h"

namespace checks {

void suite(const cases::Library& library, uint64_t seed);
void engine(uint64_t seed);
void shapes(const cases::Library& library);
void barriers(const cases::Library& library, uint64_t seed);
void case_file(const cases::Library& library, const char* in, const char* out);

// Prints the check's line; an empty problem is a pass.
void report(const std::string& name, const std::string& problem);

}  // namespace checks
