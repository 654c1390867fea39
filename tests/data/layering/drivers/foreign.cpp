#include <sqlite3.h>
#include "driver.h"
