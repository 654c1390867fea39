#include "memory/store.h"
