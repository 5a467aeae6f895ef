//! The tests stand in `e2e/console`, their packages here: they import both through this file.
export { default as AxeBuilder } from '@axe-core/playwright'
export { expect, test, type Browser, type Locator, type Page } from '@playwright/test'
