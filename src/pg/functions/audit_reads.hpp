// protect(..., audit_reads => true): each statement that reads the table leaves an audit entry.
#pragma once

namespace tenancy::pg {

void register_audit_reads();

}  // namespace tenancy::pg
