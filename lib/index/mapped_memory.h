#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace radixbench {

// Zeroed memory straight from the kernel, in huge pages where it is large enough to have them.
// Every failure is a std::bad_alloc.
void* map_memory(std::size_t bytes);
// Grows a mapping; it may move, its content moves along without being copied.
void* grow_memory(void* memory, std::size_t bytes_old, std::size_t bytes_new);
void unmap_memory(void* memory, std::size_t bytes);
// Takes the page faults now rather than at first use. From a page boundary on.
void touch_memory(void* memory, std::size_t bytes);

// An array of plain records that only grows. New records are zero bytes. References don't survive
// resize().
template <typename T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  MappedArray() = default;
  ~MappedArray() {
    if (data_ != nullptr) unmap_memory(data_, bytes());
  }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;
  MappedArray(MappedArray&& other) noexcept
      : data_{other.data_}, size_{other.size_}, capacity_{other.capacity_} {
    other.forget();
  }
  MappedArray& operator=(MappedArray&& other) noexcept {
    if (this == &other) return *this;
    if (data_ != nullptr) unmap_memory(data_, bytes());
    data_ = other.data_;
    size_ = other.size_;
    capacity_ = other.capacity_;
    other.forget();
    return *this;
  }

  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(T); }

  void resize(std::size_t size) {
    if (size > capacity_) grow(size);
    size_ = size;
  }

 private:
  static constexpr std::size_t kCapacityMin = 16384 / sizeof(T) > 0 ? 16384 / sizeof(T) : 1;

  void grow(std::size_t size) {
    std::size_t capacity = capacity_ == 0 ? kCapacityMin : capacity_;
    while (capacity < size) capacity *= 2;
    void* memory = data_ == nullptr ? map_memory(capacity * sizeof(T))
                                    : grow_memory(data_, bytes(), capacity * sizeof(T));
    data_ = static_cast<T*>(memory);
    // All of it will be used if the array grows on as it did, and a fault at each first use of a
    // page costs several times this.
    touch_memory(data_ + capacity_, (capacity - capacity_) * sizeof(T));
    capacity_ = capacity;
  }
  void forget() {
    data_ = nullptr;
    size_ = 0;
    capacity_ = 0;
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace radixbench
