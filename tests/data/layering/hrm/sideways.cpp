#include "learning/sleep.h"
