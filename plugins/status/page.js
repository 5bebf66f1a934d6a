'use strict';
// Refreshes the page, and sorts its tables. The order of a table survives a refresh.
const orders = new Map();     // by the name of the table: its column, and whether it falls
const INTERVAL_MS = 2000;
const SHARE = 10;             // at most one part in so many of the time is for refreshing

function compare(a, b) {
    if (a === b) return 0;
    if (a === '') return 1;   // without a value: last in either order
    if (b === '') return -1;
    const difference = Number(a) - Number(b);
    return Number.isNaN(difference) ? a.localeCompare(b) : difference;
}

function sort(table) {
    const order = orders.get(table.id);
    if (!order) return;
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, row => [row.cells[order.column].dataset.value, row]);
    const sign = order.falls ? -1 : 1;
    rows.sort(([a], [b]) => a === '' || b === '' ? compare(a, b) : sign * compare(a, b));
    body.append(...rows.map(([, row]) => row));
    Array.from(table.tHead.rows[0].cells, (cell, i) =>
        i === order.column ? cell.setAttribute('aria-sort', order.falls ? 'descending' : 'ascending')
            : cell.removeAttribute('aria-sort'));
}

function click(event) {
    const button = event.target.closest('th button');
    if (!button) return;
    const cell = button.parentElement, table = cell.closest('table'), column = cell.cellIndex;
    const order = orders.get(table.id), text = cell.classList.contains('text');
    orders.set(table.id, {column, falls: order && order.column === column ? !order.falls : !text});
    sort(table);
}

function swap(main) {
    const old = document.querySelector('main');
    const focused = document.activeElement && document.activeElement.id;
    const scrolled = Array.from(old.querySelectorAll('.scroll'), s => [s.id, s.scrollLeft]);
    old.replaceWith(main);
    main.querySelectorAll('table').forEach(sort);
    for (const [id, left] of scrolled) {
        const element = document.getElementById(id);
        if (element) element.scrollLeft = left;
    }
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
}

function fail(why) {
    const lost = document.getElementById('lost');
    if (lost.hidden)
        lost.lastElementChild.textContent = `no reply since ${new Date().toLocaleTimeString()}: ${why}`;
    lost.hidden = false;
}

async function refresh() {
    const began = performance.now();
    if (!document.hidden) {
        try {
            const reply = await fetch(location.href, {cache: 'no-store'});
            if (!reply.ok) throw new Error(`status ${reply.status}`);
            const page = new DOMParser().parseFromString(await reply.text(), 'text/html');
            swap(document.adoptNode(page.querySelector('main')));
            document.title = page.title;
            document.getElementById('lost').hidden = true;
        } catch (error) {
            fail(error.message);
        }
    }
    setTimeout(refresh, Math.max(INTERVAL_MS, SHARE * (performance.now() - began)));
}

document.addEventListener('click', click);
setTimeout(refresh, INTERVAL_MS);
