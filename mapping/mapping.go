// Package mapping says what a recording is: its types, how a posted one is decoded and validated,
// how two posts of one recording merge, which of its values a search can see, and what a search
// means.
//
// Everything here is plain computation: no I/O, no HTTP, no storage. [Criteria.Match] is the
// meaning of a search; an index may find recordings by any means it likes, as long as its answer
// equals Match over all of them.
//
// The words are those of the 2013 page of the API: recording, media file, media descriptor, event,
// contact, contact center, region.
package mapping
