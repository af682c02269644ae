//go:build integration && race

package main

// raceDetector tells whether the tests run with the race detector.
const raceDetector = true
