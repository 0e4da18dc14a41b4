// Until when tokens of trusted issuers stay refused, for a user, a subject or an e-mail address.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// The moment before which tokens must not have been issued; DT_NOBEGIN for none. A nil organization
/// is a DBA's, or all.
TimestampTz read_end_of_user(const CatalogRead &read, const Uuid &organization, const Uuid &user);
TimestampTz read_end_of_subject(const CatalogRead &read, Datum issuer, Datum subject,
                                const Uuid &organization);
TimestampTz read_end_of_address(const CatalogRead &read, const char *address);

}  // namespace tenancy::pg
