//! What leaves the gateway for people: acts on paper and cells of spreadsheets.
