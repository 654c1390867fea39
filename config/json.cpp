// Boost.JSON is used header-only: these are its definitions, once for the whole program.
#include <boost/json/src.hpp>
