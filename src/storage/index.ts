/** Stores for registrations, observations, requests and credentials. */
export { DiskStore } from './disk-store'
export { MemoryStore } from './memory-store'
export { type FoundEntry, putStoreAside, type RepairReport, repairStore, StoreCopy } from './rescue'
export { type Store, type StoreChange, StoreError } from './store'
export { exportLines } from './store-export'
