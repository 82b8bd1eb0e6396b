"""What is shipped for tests: fake clock, and store, audit, trees and sessions in memory."""
