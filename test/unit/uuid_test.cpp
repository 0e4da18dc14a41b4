#include "core/access/uuid.hpp"

#include <gtest/gtest.h>

namespace tenancy {
namespace {

TEST(Uuid, IsNilUnlessAByteIsSet) {
  EXPECT_TRUE(Uuid{}.is_nil());
  for (std::size_t i = 0; i < 16; ++i) {
    Uuid id;
    id.bytes[i] = 1;
    EXPECT_TRUE(id) << i;
  }
}

// Lists that the server hands over are in its order, which is that of unsigned bytes.
TEST(Uuid, IsOrderedByUnsignedBytesFromTheLeft) {
  EXPECT_LT((Uuid{{0x7f, 0xff}}), (Uuid{{0x80}}));
  EXPECT_LT((Uuid{{0x01, 0xff}}), (Uuid{{0x02, 0x00}}));
  EXPECT_LT(Uuid{}, (Uuid{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}));
}

}  // namespace
}  // namespace tenancy
