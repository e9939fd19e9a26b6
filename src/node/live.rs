use std::sync::{Arc, PoisonError, RwLock};

/// A whole that is replaced as a whole; whoever reads it keeps what stood when the reading began.
#[derive(Debug)]
pub struct Live<T>(RwLock<Arc<T>>);

impl<T> Live<T> {
    /// Holds the first one.
    pub fn new(first: T) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    /// Returns the present one.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another in its place.
    pub fn replace(&self, next: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }

    /// Puts what follows from the present one in its place; nobody else does so in between.
    pub fn amend(&self, next: impl FnOnce(&T) -> T) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(next(&held));
    }
}
